"""Ways to find the vehicle in a crop, one a file; `synthetic_aug.segmenters.choose` builds them."""
