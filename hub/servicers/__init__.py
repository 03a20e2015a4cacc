"""Thin gRPC servicers: caller, parse, one use case, answer."""
