# Few verbs, each with one meaning; `make` alone lists them. Needs python3 (3.11 or newer), make and
# a C compiler; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
PIP_FLAGS := --quiet --disable-pip-version-check
PROTOS := $(sort $(wildcard proto/fedcarbon/v1/*.proto proto/fedcarbon/node/v1/*.proto))

# Some images set this; then each of hundreds of processes would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# for `make demo`
SCENARIO ?=
DATA ?=
PROGRAMME ?=
OUT ?= build/demo
# of the fresh keys, where no scenario says it: 2048, or less to see it run sooner
BITS ?=
# for `make test`: files or folders, and an expression that picks tests by name
T ?=
K ?=
WORKERS ?= 2
# for `make tampered`: names of tamperings, all without
ONLY ?=
# for `make soak`
ROUNDS ?= 200
STORE ?= sqlite
SOAK_S ?= 0
SEED ?=
# for `make bench`: how much of the repetitions; a few show every figure sooner, and noisier
PERCENT ?= 100
# for `make load`: calls a second (0 looks for the sustainable rate), seconds of a run, shares of calls
RATE ?= 0
SECONDS ?= 10
MIX ?= redemption=50,account=30,enrolment=10,leaves=10
# for `make bench-city`: a day of so many people, on keys that are kept in build/
PEOPLE ?= 10000

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format format-check lint types layers proto proto-check vectors constraints bench bench-city bench-page bench-utility load tampered soak

help: ## list the verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: $(STAMP) ## make .venv with everything in it (done by itself when needed)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fedcarbon needs Python 3.11 or newer; say make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) --upgrade -c constraints.txt pip
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e . --group dev
	touch $@

demo: $(STAMP) ## run a whole federation here: PROGRAMME=name or list, SCENARIO=file.toml or DATA=folder, OUT=folder, BITS=1024
	$(BIN)/python -m demo $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(DATA),--data $(DATA)) $(if $(PROGRAMME),--programme $(PROGRAMME)) $(if $(BITS),--bits $(BITS)) --out $(OUT)

test: $(STAMP) ## run the tests: T=path picks files, K=expression picks names
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(if $(K),-k '$(K)') $(T)

check: format-check lint types layers proto-check test ## everything that must be green

format: $(STAMP) ## format code and protos, mend what can be mended
	$(BIN)/ruff check --quiet --fix-only
	$(BIN)/ruff format --quiet
	$(BIN)/buf format -w

format-check: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/buf format --diff --exit-code

lint: $(STAMP) ## ruff, and buf for the protos
	$(BIN)/ruff check
	$(BIN)/buf lint

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

layers: $(STAMP) ## import contracts: what may know what
	$(BIN)/lint-imports --no-logo

proto: $(STAMP) ## regenerate the committed code from proto/
	@$(call generate,src)

proto-check: $(STAMP) ## fail if the committed code is not what proto/ gives
	@rm -rf build/proto && mkdir -p build/proto
	@$(call generate,build/proto)
	@cd build/proto && find . -type f | LC_ALL=C sort > ../proto-made.txt
	@cd src && find ./fedcarbon/v1 ./fedcarbon/node -name '*_pb2*.py*' -not -path '*/__pycache__/*' | LC_ALL=C sort > ../build/proto-committed.txt
	@diff build/proto-committed.txt build/proto-made.txt
	@while read -r file; do diff -q "src/$$file" "build/proto/$$file" || exit 1; done < build/proto-made.txt
	@echo "generated code is what proto/ gives"

define generate
$(BIN)/python -m grpc_tools.protoc -I proto \
	--plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	--plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	--python_out=$(1) --pyi_out=$(1) --grpc_python_out=$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)
endef

vectors: $(STAMP) ## regenerate tests/vectors; git must show no difference afterwards
	set -e; for generator in $(wildcard tests/vectors/generate*.py); do $(BIN)/python $$generator; done

constraints: $(STAMP) ## write constraints.txt from what .venv holds now
	$(BIN)/python -m pip freeze --all --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' | LC_ALL=C sort -f > constraints.txt

tampered: $(STAMP) ## spoil a good record in every way; two verifiers must find the same
	$(BIN)/python -m tests.audit.make_tampered --out build/tampered $(if $(ONLY),--only $(ONLY))

soak: $(STAMP) ## kill -9 a hub ROUNDS times on STORE=sqlite|postgresql, then play seeds for SOAK_S seconds
	$(BIN)/python -m tests.soak --rounds $(ROUNDS) --store $(STORE) --seconds $(SOAK_S) $(if $(SEED),--seed $(SEED)) --out build/soak-$(STORE)

bench: $(STAMP) ## measure and print ratios; JSON in build/bench.json; PERCENT=10 repeats less
	$(BIN)/python -m bench --out build/bench.json --percent $(PERCENT)

load: $(STAMP) ## find what the hub sustains, then load it twice as much; JSON in build/load.json; RATE=200 tries one rate
	$(BIN)/python -m bench.load --rate $(RATE) --seconds $(SECONDS) --mix $(MIX) --out build/load.json

bench-city: $(STAMP) ## measure a whole day of an invented city of PEOPLE; JSON in build/city-PEOPLE/city.json
	$(BIN)/python -m bench.city_run --people $(PEOPLE) --profile

bench-page: $(STAMP) ## write the tables of docs/PERFORMANCE.md from bench/results
	$(BIN)/python -m bench.page

bench-utility: $(STAMP) ## measure what released tables are worth; writes the tables of docs/STATISTICS.md
	$(BIN)/python -m bench.utility $(if $(DATA),--data $(DATA))
