.PHONY: proto
proto:
	.venv/bin/python -m grpc_tools.protoc -I proto --plugin=protoc-gen-mypy=.venv/bin/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=.venv/bin/protoc-gen-mypy_grpc --python_out=src --pyi_out=src --grpc_python_out=src --mypy_grpc_out=src proto/fedcarbon/v1/*.proto proto/fedcarbon/node/v1/*.proto
