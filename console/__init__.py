"""Shows operators their pages: what needs them, every order, and the acts that help, all rendered here."""
