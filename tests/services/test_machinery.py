from __future__ import annotations
import threading, time
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
import pytest
from store_kit import *
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import TaskState
from mtctl.services.dispatcher import Dispatcher
from mtctl.services.ending import Ended
from mtctl.services.verbs import Verb
from mtctl.services.watch import Watch, Interruption
from mtctl.services.pool import Pool
from mtctl.services.telling import Teller

class Runner:
    def __init__(self, kit): self.kit=kit; self.ran=[]
    def run(self, claimed, todo, holder, on):
        self.ran.append(claimed.task.name); self.kit.end(claimed)
        return Ended(outcome=Outcome.SUCCESS, rows=0, seconds=0)
    def interrupt(self, why): ...

def dispatcher(kit):
    holder = SimpleNamespace(holder_id=kit.holder, lost=False, new_ulid=iter(f"B{n:025d}" for n in range(1000)).__next__)
    r = Runner(kit)
    return Dispatcher(store=kit.store, runner=r, clock=kit.clock, holder=holder, stop=threading.Event(), sweep=lambda:0, on_event=lambda e: None), r

def test_retry_of_dropped_table_blocks_nobody(tmp_path):
    kit = kit_at(tmp_path)
    ids = kit.put(full("a"))
    inst = kit.instance(task(ids["a"], [WHOLE]), holder=None, detached=True, tries=1)
    kit.end(kit.claim(None), Outcome.FAILED, retryable=False)
    with kit.store.write() as tx: tx.drop_tables([ids["a"]])
    with kit.store.write() as tx:
        [row] = tx.instances_by_id([inst]).values()
        print(Verb(tx,row,actor="me",reason="").retry(None))
    print(kit.states(inst))
    kit.clock.advance(1)
    kit.add(noop(0))
    d, r = dispatcher(kit)
    d.run_ownerless()
    assert r.ran == ["n0"]
    assert kit.states(inst) == ["cancelled"]

class Clock:
    def __init__(self): self.t=0
    def boottime(self): return time.monotonic_ns()
    def wait(self, e, s): return e.wait(min(s,0.01))

def test_watch_survives_store_trouble():
    hits=[]; n=[0]
    def op():
        n[0]+=1
        if n[0]==1: raise MtctlError("state_busy","x",kind=Kind.BUSY)
        return SimpleNamespace(change_mark=lambda:1, read=lambda: nullcontext(SimpleNamespace(cancel_requested=lambda i: False)), close=lambda:None)
    done=threading.Event()
    with Watch(op, Clock(), done.set) as w:
        w.begin(SimpleNamespace(task=SimpleNamespace(timeout=200_000, task_id=1)))
        assert done.wait(2)
        assert w.why is Interruption.TIMEOUT
        w.end()

def test_watch_late_cancel_does_not_hit_next():
    box={}
    asked=threading.Event(); go=threading.Event(); hit=threading.Event()
    class V:
        def cancel_requested(self,i):
            if i==1: asked.set(); go.wait(2); return True
            return False
    st=SimpleNamespace(change_mark=lambda:1, read=lambda: nullcontext(V()), close=lambda:None)
    with Watch(lambda: st, Clock(), hit.set) as w:
        w.begin(SimpleNamespace(task=SimpleNamespace(timeout=0, task_id=1)))
        assert asked.wait(2)
        w.end(); w.begin(SimpleNamespace(task=SimpleNamespace(timeout=0, task_id=2)))
        go.set(); time.sleep(.2)
        assert w.why is None
        w.end()

def test_pool_survives_busy_crew():
    n=[0]; ran=threading.Event(); troubles=[]
    @contextmanager
    def crew(number):
        n[0]+=1
        if n[0]==1: raise MtctlError("state_busy","x",kind=Kind.BUSY)
        yield SimpleNamespace(lost=False, run_ownerless=lambda: ran.set(), stop=lambda:None, interrupt=lambda w:None)
    p=Pool(1,crew,troubles.append)
    p.wake(1); time.sleep(.1); p.wake(1)
    assert ran.wait(5); assert troubles==[]
    p.drain(); assert p.wait(2)

def test_teller_survives_anything():
    n=[0]; told=threading.Event(); said=[]
    @contextmanager
    def op():
        n[0]+=1
        if n[0]==2: raise OSError("disk")
        yield SimpleNamespace(look=lambda: None, send_due=lambda **k: told.set())
    t=Teller(op, Clock(), said.append); t.start()
    assert told.wait(2); t.close(); assert said
