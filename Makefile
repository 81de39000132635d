# Each target does its own set-up; a second call finds it done.
PYTHON ?= python3
READY := .venv/ready
export PYTHON

.PHONY: demo test check

demo: $(READY)  ## open napari with a sample scan, segment it, leave demo.png and the label image
	scripts/with_display.sh .venv/bin/napari-unet demo

test: $(READY)  ## run the tests
	scripts/test.sh

check: $(READY)  ## lint, types and import contracts
	scripts/check.sh

$(READY): pyproject.toml napari.yaml hatch_build.py scripts/setup.sh
	scripts/setup.sh
