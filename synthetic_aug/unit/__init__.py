"""UNIT: unpaired image-to-image translation through a latent space that two domains share."""
