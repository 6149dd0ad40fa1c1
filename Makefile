# The doors to building and checking; the work is done by CMake's presets and the scripts of tools/.
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
export JOBS FUZZ_SECONDS FUZZ_TARGETS

.PHONY: build install test test-sanitize test-fuzz check demo format clean

build:  ## installs what is missing and builds build/gossamer
	tools/install_packages
	cmake --preset release
	cmake --build --preset release -j $(JOBS)

install: build  ## tool, headers and libraries to $(DESTDIR)$(PREFIX)
	DESTDIR=$(DESTDIR) cmake --install build --strip --prefix $(PREFIX)

test: build  ## every fast test
	tools/test

test-sanitize:  ## the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	tools/install_packages
	tools/test_sanitize

test-fuzz:  ## each fuzz target for FUZZ_SECONDS
	tools/install_packages
	tools/test_fuzz

check:  ## layout, lint and the rules of the house
	tools/install_packages
	tools/check

demo: build  ## shows the tool at work
	tools/demo

format:  ## lays out every C++ file
	git ls-files -co --exclude-standard '*.cc' '*.h' | xargs -r clang-format-19 -i

clean:
	rm -rf build build-wheel
