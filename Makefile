# One command per duty; people and CI use the same ones.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Many processes come and go in these commands; without its cache, each compiles anew what it imports.
unexport PYTHONDONTWRITEBYTECODE
PYTEST = OMP_NUM_THREADS=1 ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

.PHONY: napari napari-screenshot monailabel demo serve test check quick coverage lint format docs wheel orthanc resolve surface bench benchmarks clean postgresql page browser

demo: $(VENV)/.package ## segment the bundled scan from five annotated slices
	$(BIN)/fewslice demo -o demo

serve: $(VENV)/.server ## annotate the bundled scan in a browser; the project is ./annotation-project
	$(BIN)/fewslice serve annotation-project --example

test: $(VENV)/.dev ## run all tests; with COVERAGE=1 measure branch coverage, too little is an error
	$(PYTEST) --durations=15 $(if $(COVERAGE),--cov --cov-report=term:skip-covered)

check: ## what to run before each commit: style, types and the fast tests
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line lint quick

quick: $(VENV)/.dev ## the fast tests
	$(PYTEST) -m "not slow"

coverage: ## the same as make test COVERAGE=1
	$(MAKE) test COVERAGE=1

lint: $(VENV)/.dev ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## lay out the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## the documentation as a site, docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

wheel: | $(VENV)/bin/python ## build the wheel, dist/, and run the demo from it in an empty environment
	scripts/try_wheel $(BIN)/python

postgresql: ## install PostgreSQL, against which the tests of projects run besides SQLite
	scripts/install_postgresql

orthanc: ## install Orthanc, the server that the tests of DICOMweb store on (needs apt-get)
	scripts/get_orthanc

resolve: | $(VENV)/bin/python ## print what pip would install beside the newest MONAI and nnU-Net
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	$(BIN)/python scripts/resolve.py dist/*.whl monai nnunetv2

surface: $(VENV)/.dev ## write down the public surface anew, after a change that was meant
	$(BIN)/python -m tests.support.public_surface

page: scripts/page/node_modules/.package-lock.json ## bundle NiiVue for the page, and check the page's types; CHECK=1 only compares the bundle
	cd scripts/page && node bundle.mjs $(if $(CHECK),--check) && npm run --silent types

browser: ## install what tests of the page need: Chromium and Node from Debian, axe-core from npm
	@missing=; command -v chromium >/dev/null || missing=chromium; \
	command -v npm >/dev/null || missing="$$missing nodejs npm"; \
	[ -z "$$missing" ] || \
	  { apt-get update -q && apt-get install -q --yes --no-install-recommends $$missing; }
	$(MAKE) scripts/page/node_modules/.package-lock.json

napari: ## install what windows of napari need where there is no screen: Xvfb and OpenGL, from Debian
	@{ command -v xvfb-run && ldconfig -p | grep -q libxcb-cursor; } >/dev/null || \
	  { apt-get update -q && apt-get install -q --yes --no-install-recommends xvfb xauth libegl1 libgl1 \
	    libgl1-mesa-dri libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 \
	    libxcb-shape0 libxkbcommon-x11-0; }

napari-screenshot: $(VENV)/.dev ## take the picture of napari's plugin for the documentation, docs/napari.png
	QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1000x24" $(BIN)/python scripts/napari_screenshot.py docs/napari.png

scripts/page/node_modules/.package-lock.json: scripts/page/package-lock.json
	cd scripts/page && npm ci --silent --no-audit --no-fund
	@touch $@

bench: $(VENV)/.dev ## speed and memory, see docs/results/auto-averaged.md and reading.md
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python -m benchmarks.dicom_series

benchmarks: $(VENV)/.dev ## Dice on the evaluation sets in DATA, about an hour
	$(BIN)/python benchmarks/accuracy.py --data $(or $(DATA),../shared/data)
	$(BIN)/python benchmarks/carryover.py --data $(or $(DATA),../shared/data)
	$(BIN)/python benchmarks/scribbles.py --data $(or $(DATA),../shared/data)
	$(BIN)/python -m benchmarks.comparison --data $(or $(DATA),../shared/data)

clean: ## remove what the other commands made
	rm -rf $(VENV) demo dist docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "fewslice needs Python 3.11 or later; run make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25' # older ones take a minute to choose

$(VENV)/.package: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.server: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[server]'
	@touch $@ $(VENV)/.package

# Not compiled: most of what is installed is never imported here.
$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.package $(VENV)/.server

monailabel: $(VENV)/monailabel ## fetch MONAI Label's client, which a test asks our server with

$(VENV)/monailabel: | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $@ monailabel==0.8.5
