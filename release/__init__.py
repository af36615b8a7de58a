"""What a release needs beside the tests."""
