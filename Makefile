# Commands of the book. `make help` lists them.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8000
WORKERS ?= 1
RESULTS ?= _reference/gpu
COURSE ?= _course
SET ?=
TIER ?= standard
MOST_FLOPS ?= inf
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help venv book pdf serve check test class assign grade bet settle notebooks bench gpu gpu-chapters coverage lint format stamp clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
	  echo "No Python 3.11 or newer found as python3. Install one, or name yours:"; \
	  echo "  make book PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The book needs Python 3.11 or newer; $(PYTHON) is older."; \
	  echo "Name another: make book PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments."; \
	  echo "On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

venv: $(INSTALLED) ## make .venv with the exact versions of requirements.txt

book: $(INSTALLED) ## build the book into _build/html; a warning is an error
	rm -rf _build/html _build/.doctrees
	$(BIN)/jupyter-book build . --all -W -n --keep-going
	@echo
	@echo "The book is built. Open file://$(CURDIR)/_build/html/book/index.html"
	@echo "or run 'make serve' and open http://localhost:$(PORT)/"

pdf: ## print the built book: a PDF of each chapter and of all, into _build/pdf
	@test -f _build/html/index.html || { echo "No book yet: run 'make book' first."; exit 1; }
	$(BIN)/python tools/print_book.py _build/pdf

serve: ## show the built book at http://localhost:8000 (PORT=... for another port)
	@test -f _build/html/index.html || { echo "No book yet: run 'make book' first."; exit 1; }
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

check: $(INSTALLED) ## run every test but the notebooks, in three processes for two cores
	$(BIN)/python -m pytest tests --ignore tests/colab -n 3 --dist loadgroup

test: check ## run every test: what check runs, then types, every page, every notebook, the Colab path
	$(BIN)/mypy
	SCALINGLAWS_EVERY_PAGE=1 $(BIN)/python -m pytest tests/site/test_browser.py -k every_page
	$(BIN)/python -m pytest book tests/colab tests/minutes --nbval-lax --nbval-current-env

class: $(INSTALLED) ## grade a class of thirty, hostile submissions among them (needs bubblewrap)
	SCALINGLAWS_REQUIRE_SANDBOX=1 $(BIN)/python -m pytest tests/coursework/whole_class.py

assign: $(INSTALLED) ## make every student's problem sets: make assign STUDENTS=roster.csv (SET=...)
	@test -n "$(STUDENTS)" || { echo "Say for whom: make assign STUDENTS=roster.csv"; exit 1; }
	$(BIN)/python -m coursework build --course "$(COURSE)" --students "$(STUDENTS)" \
	  $(if $(SET),--set $(SET))

grade: $(INSTALLED) ## grade what came back: make grade STUDENTS=roster.csv SUBMISSIONS=folder (SET=...)
	@test -n "$(STUDENTS)" -a -n "$(SUBMISSIONS)" || { \
	  echo "Say whose and where: make grade STUDENTS=roster.csv SUBMISSIONS=folder"; exit 1; }
	$(BIN)/python -m coursework grade --course "$(COURSE)" --students "$(STUDENTS)" \
	  --submissions "$(SUBMISSIONS)" --workers $(WORKERS) $(if $(SET),--set $(SET))

bet: $(INSTALLED) ## make the capstone of a class, in hours: make bet (TIER=small for minutes)
	$(BIN)/python -m coursework bet --course "$(COURSE)" --tier $(TIER) $(BETTING)

settle: $(INSTALLED) ## check and score a class's bets: make settle SUBMISSIONS=folder (TIER=...)
	@test -n "$(SUBMISSIONS)" || { \
	  echo "Say where they are: make settle SUBMISSIONS=folder"; exit 1; }
	$(BIN)/python -m coursework settle --course "$(COURSE)" --tier $(TIER) \
	  --submissions "$(SUBMISSIONS)" $(if $(STUDENTS),--students "$(STUDENTS)") $(BETTING)

notebooks: $(INSTALLED) ## run every chapter anew and store its outputs (ONLY=01 for one)
	$(BIN)/python tools/notebooks.py $(if $(ONLY),--only $(ONLY))
	$(BIN)/python tools/picture.py

bench: $(INSTALLED) ## measure the speeds that the book claims
	@test -f benchmarks/run.py || { echo "benchmarks/run.py is not there yet."; exit 1; }
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/fit.py

gpu: $(INSTALLED) ## measure the engine on a CUDA card, then train what is left of the largest runs there
	$(BIN)/python benchmarks/gpu.py --out $(RESULTS)
	$(BIN)/python studies/sweep.py --together --study isoflop-far --most-flops $(MOST_FLOPS) \
	  --store $(RESULTS)/runs.sqlite
	$(BIN)/python studies/export.py --store $(RESULTS)/runs.sqlite --to $(RESULTS)

gpu-chapters: $(INSTALLED) ## run every chapter on the CUDA card, and fail if one does
	$(BIN)/python -c 'import torch; assert torch.cuda.is_available(), "torch sees no CUDA card"'
	$(BIN)/python -m pytest book --nbval-lax --nbval-current-env

coverage: $(INSTALLED) ## measure how often the intervals of the fits hold the truth (about 40 minutes)
	$(BIN)/python tests/statistical/simulations.py --workers $(WORKERS) \
	  --store _build/coverage.csv $(if $(RESUME),--resume)
	$(BIN)/python tests/statistical/searching.py --grid 5

lint: $(INSTALLED) ## check the style of code and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/notebooks.py --check

format: $(INSTALLED) ## bring code and notebooks into the style that lint checks
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

stamp: $(INSTALLED) ## write the address of the repository everywhere: make stamp URL=https://github.com/me/repo
	@test -n "$(URL)" || { echo "Say which: make stamp URL=https://github.com/me/repo"; exit 1; }
	$(BIN)/python tools/stamp.py "$(URL)"

clean: ## remove what was built (keeps .venv)
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +
