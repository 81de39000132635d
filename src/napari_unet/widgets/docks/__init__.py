"""What all docks are made of: a form, one run at a time, and how a dock is opened and closed; for the docks alone."""
