"""One folder per database product; see README.md here for how to add one."""
