"""What a browser and a third party's server see of a bank's authorization server."""
