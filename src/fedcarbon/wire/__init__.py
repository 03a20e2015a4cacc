"""The border to gRPC: status catalogue, mTLS and interceptors."""
