"""What runs inside the worker processes. Nothing here is imported by the server itself, nor imports the server."""
