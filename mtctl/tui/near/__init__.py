"""Floor 4. One thing from near: the screens that `enter` opens, and what stands in them."""
