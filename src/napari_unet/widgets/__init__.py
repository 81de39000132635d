"""Floor 5: the window. Leaf widgets edit one value each; coordinators hold and connect them."""
