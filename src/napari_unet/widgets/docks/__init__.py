"""What all docks share: the base of forms and runs, and how docks are opened; for docks alone."""
