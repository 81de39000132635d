"""The Fine-tune dock: its form, plan, run and outcome; entered by `dock` alone."""
