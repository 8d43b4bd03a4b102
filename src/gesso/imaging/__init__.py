"""Pictures between bytes and arrays: decode, mask, fit, encode, provenance; knows no job, account or network."""
