from kit import DAILY, World
def test_probe(world):
    world.days({f"2013-01-0{n}": [n, n] for n in range(1, 5)})
    world.table("daily", DAILY)
    print(world.plan())
    world.apply()
    print(world.fill("daily"))
    print(world.rows("FROM daily ORDER BY d"))
    print(world.states("daily"), world.attempts("daily"))
    print(world.status("daily"))
