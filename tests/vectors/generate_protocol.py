"""Make `protocol.json` and `record.json`, and renew the examples and tables of docs/PROTOCOL.md.

python -m tests.vectors.generate_protocol      (from the repository's root; `make vectors`)
"""

from __future__ import annotations

from tests.house.protocol_examples import main

if __name__ == "__main__":
    main()
