"""The pages of docs/ and the README: each block runs, the site builds, the pictures are of the product as it is."""
