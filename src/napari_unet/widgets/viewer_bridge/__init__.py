"""The only room that touches viewer and layers."""
