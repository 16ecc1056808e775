"""What documents of Shopify are made of: ids as texts, and addresses."""

from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints

from channels.given import Given, Text, on_one_line, postal_code


def id_of(given: Any) -> Any:
    """An id as a text of digits: webhooks have a number of up to 18 digits, GraphQL has `gid://shopify/Order/820982911946154508`.

    JavaScript would make 820982911946154500 of that number; Python reads it as it is, and floats are refused.
    """
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return given.rpartition("/")[2].partition("?")[0] if isinstance(given, str) else given


Id = Annotated[str, BeforeValidator(id_of), StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id of Shopify's, as a text of digits."""


class Address(Given):
    """A person's address, in the words of a webhook."""

    name: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    company: Text = ""
    address1: Text = ""
    address2: Text = ""
    city: Text = ""
    province_code: Text = ""
    province: Text = ""
    zip: Text = ""
    country_code: Text = ""
    phone: Text = ""
    latitude: float | None = None
    longitude: float | None = None

    def as_ours(self) -> dict[str, object]:
        """In the words of `domain.order.Address`."""
        is_point = self.latitude is not None and self.longitude is not None
        return {
            "name": on_one_line(self.name or f"{self.first_name} {self.last_name}"),
            "company": on_one_line(self.company),
            "street": [part for part in map(on_one_line, (self.address1, self.address2)) if part],
            "city": on_one_line(self.city),
            "region": on_one_line(self.province_code or self.province),
            "postal_code": postal_code(self.zip),
            "country": self.country_code.strip().upper(),
            "phone": on_one_line(self.phone),
            "latitude": self.latitude if is_point else None,
            "longitude": self.longitude if is_point else None,
        }
