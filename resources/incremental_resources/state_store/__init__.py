"""Where states live: objects, HEAD, versions and the working files of extractions."""
