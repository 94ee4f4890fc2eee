# Short names for what CONTRIBUTING.md describes. Plain scripts underneath: `just` is a convenience, not a need.

# everything CI checks
test:
    scripts/test

# the tests alone
quick:
    scripts/test --quick

# the README's second command: the sheet of 200 with faults
demo:
    cargo run --profile quick -- run examples/relocations-200.csv --faults examples/faults.toml --data rehome-data/faults

# throughput beside the bare limit
bench *ARGS:
    cargo run --release -- bench {{ARGS}}

# the documents that are generated
docs:
    cargo run -- schema table > docs/table.md
    cargo run -- schema table --lang zh > docs/table.zh.md
    cargo run -- schema diagram --format svg > docs/diagram.svg
    cargo run -- schema asyncapi > docs/asyncapi.json
    cargo run -- schema openapi > docs/openapi.json
    cargo run -- schema tmf641 > docs/tmf641.md
