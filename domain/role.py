"""What an operator's key may do: each role may do what the one before it may."""

from enum import StrEnum


class Role(StrEnum):
    """The role of an operator's key, from the least to the most."""

    SEE = "see"
    """Read everything; change nothing."""
    ACT = "act"
    """Also act on orders, work, stock, returns and exceptions."""
    ADMIN = "admin"
    """Also make and revoke keys, register webhooks, erase personal data, and apply a policy."""

    def includes(self, needed: "Role") -> bool:
        """Whether a key with this role may do what needs the other one."""
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)


def needed_for(method: str) -> Role:
    """The role that a request with this HTTP method needs where nothing else is said: to read is to see."""
    return Role.SEE if method in ("GET", "HEAD") else Role.ACT
