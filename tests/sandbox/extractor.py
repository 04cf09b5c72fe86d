"""Extract from numbered texts; run, and killed, by `test_extract.py`.

Arguments: base URL, key, folder of the store, rows, requests at once, and ``late`` for a
build that keeps a reply only after it was used. Prints one JSON object.
"""

import asyncio
import json
import sys
import warnings

import grok_nb as gn
from grok_nb.bulk import Bulk


def texts(count):
    return [f"Name: Person{n}. Age: {n % 90}." for n in range(count)]


class Late(Bulk):
    """Commits after use: what a kill in between has paid for is lost."""

    def _keep(self, *kept):
        asyncio.get_running_loop().call_later(0.1, super()._keep, *kept)


def main() -> None:
    base_url, key, store, count, width, how = sys.argv[1:]
    warnings.simplefilter("ignore")
    gn.configure(base_url=base_url, api_key=key, store=store, model="grok-4.3")
    if how == "late":
        import grok_nb.frames.extract as module

        module.Bulk = Late
    result = gn.extract(
        texts(int(count)), "name, age int", max_in_flight=int(width), run="killed"
    )
    ages = result.df["age"].astype("object").tolist()
    print(json.dumps({**result.summary, "ages": ages}))


if __name__ == "__main__":
    main()
