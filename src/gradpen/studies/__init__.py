"""Every experiment of the two Wasserstein GAN papers that gradpen repeats, one file each."""
