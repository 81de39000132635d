"""Strokes, trust, reviewed regions and their journal on a labels layer; for both docks."""
