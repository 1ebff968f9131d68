"""The denoising loop: rows, guidance, and the product held in place."""
