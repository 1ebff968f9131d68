#!/usr/bin/env bash
# What needs a CUDA card, one command each, for a machine that may have no network.
#
#   scripts/on_gpu.sh wheels FOLDER   where there is a network: fetch what such a machine lacks
#   scripts/on_gpu.sh check           the tests that need a card
#   scripts/on_gpu.sh train [SETTING=VALUE ...]
#                                     the mini suite with the full recipe; again to go on
#   scripts/on_gpu.sh bench [SETTING=VALUE ...]
#                                     latency of the suites, full-size with random weights
#
# Results go to $OUT (default: on_gpu/), in files small enough to copy; `train` packs the weights
# as weights.tar.gz.00, .01 and so on: cat them together and unpack; `bench` packs its folders as
# results.tar.gz. SUITES and PRESETS are what it measures (a suite that does not finish within LIMIT
# is left out); DEVICE=cpu SUITES=mini SIZES=[square] rehearses it without a card. WHEELS names a
# folder of wheels to use, LIMIT the seconds after which training stops to be resumed (default 560),
# PYTHON the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON=${PYTHON:-python3}
OUT=${OUT:-on_gpu}
LIMIT=${LIMIT:-560}
WHEELS=${WHEELS:-}
FOLDER=${FOLDER:-training}
SITE=${SITE:-/tmp/remixlab_site}
DEVICE=${DEVICE:-cuda}
SUITES=${SUITES:-mini sdxl_lightning realvisxl_lightning sdxl_lcm sdxl}
PRESETS=${PRESETS:-auto fast}
SIZES=${SIZES:-[fullscreen,widescreen,ultrawide,landscape,square,portrait,tall]}
PART=15m  # largest file that comes back

# Beside torch, transformers and the scientific stack, which machines with a card come with.
PACKAGES=(diffusers hydra-core omegaconf antlr4-python3-runtime open_clip_torch ftfy wcwidth
  pymatting accelerate importlib_metadata)

wheels() {
  local folder=${1:?which folder?} constraints
  mkdir -p "$folder"
  constraints=$(mktemp)
  sed 's/ *#.*//' requirements.lock >"$constraints"
  "$PYTHON" -m pip wheel -q --no-deps -c "$constraints" -w "$folder" "${PACKAGES[@]}"
  du -sh "$folder"
}

prepare() {
  mkdir -p "$OUT"
  if [[ -n $WHEELS ]]; then
    "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --upgrade --target "$SITE" "$WHEELS"/*.whl
  fi
  export PYTHONPATH="$PWD:$SITE${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1
  [[ $DEVICE == cpu ]] || "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' || {
    echo "no CUDA card here" >&2
    exit 1
  }
  "$PYTHON" -m remixlab.cli doctor | tee "$OUT/doctor.txt"
}

check() {
  local files  # the others import what such a machine may lack
  mapfile -t files < <(grep -rl "pytest.mark.gpu" tests --include='test_*.py')
  "$PYTHON" -m pytest -q -m gpu -p no:cacheprovider "${files[@]}" 2>&1 | tee "$OUT/check.log"
}

# Budgets for one H200, about twenty minutes in all.
train() {
  local rc=0
  timeout --signal=INT --kill-after=20 "$LIMIT" "$PYTHON" scripts/train_mini.py \
    folder="$FOLDER" output="$OUT/weights" device=cuda workers="$(nproc)" shards=320 full_size_shards=320 \
    autoencoder.steps=200000 autoencoder.minutes=2 autoencoder.batch=128 \
    decoder.steps=200000 decoder.minutes=0.5 decoder.batch=128 \
    style_reader.steps=200000 style_reader.minutes=0.5 style_reader.batch=256 \
    prompt_reader.steps=200000 prompt_reader.minutes=0.5 prompt_reader.batch=256 \
    half_size.minutes=0 \
    full_size.steps=200000 full_size.minutes=11 full_size.batch=256 full_size.learning_rate=1.5e-3 \
    scorer_shards=160 scorer.steps=200000 scorer.minutes=1.5 "$@" \
    2>&1 | tee -a "$OUT/train.log" || rc=$?
  if [[ -f $OUT/weights/card.json ]]; then
    tar -C "$OUT" -czf - weights | split -d -b "$PART" - "$OUT/weights.tar.gz."
    rm -r "$OUT/weights"
    echo "trained: $OUT/weights.tar.gz.*"
  else
    echo "not done (status $rc): run it again to go on" >&2
  fi
}

# Suites in turn with each preset, those of few steps first; what is done by LIMIT is kept.
bench() {
  local end=$((SECONDS + LIMIT)) preset suite weights left
  for preset in $PRESETS; do
    for suite in $SUITES; do
      weights=random
      [[ $suite == mini ]] && weights=pretrained
      left=$((end - SECONDS))
      ((left > 30)) || break
      timeout --signal=INT --kill-after=20 "$left" "$PYTHON" benchmarks/latency.py model="$suite" \
        model.weights="$weights" runtime="$preset" runtime.device="$DEVICE" sizes="$SIZES" \
        runs=5 seconds=1 patience=4 profile=true out="$OUT/results" "$@" 2>&1 | tee -a "$OUT/bench.log" ||
        echo "$suite with runtime=$preset was left out" | tee -a "$OUT/bench.log"
    done
  done
  tar -C "$OUT" --exclude=trace.json.gz -czf "$OUT/results.tar.gz" results
  echo "measured: $OUT/results.tar.gz"
}

case ${1:-} in
  wheels) wheels "${2:-}" ;;
  check | train | bench) prepare && "$@" ;;
  *)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    exit 2
    ;;
esac
