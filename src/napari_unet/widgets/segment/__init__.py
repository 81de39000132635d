"""The Segment dock: its form, plan, run and result layer; entered by `dock` alone."""
