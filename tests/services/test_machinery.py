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

from mtctl.services.daemon import Daemon
from mtctl.services.scheduler import TickReport

class FakePool:
    size=2; busy=0
    def __init__(self): self.woken=[]
    def wake(self,n): self.woken.append(n)
    def drain(self): ...
    def wait(self,s): return True
    def stuck(self): return False

class Stopping(FakeClock): ...

def daemon_of(kit, seconds, *, sweep=lambda:0, tick=None):
    pool=FakePool(); ticks=[]
    class C:
        def now(s): return kit.clock.now()
        def boottime(s): return kit.clock.boottime()
        def boot_id(s): return kit.clock.boot_id()
        def wait(s,e,sec):
            kit.clock.advance(sec)
            if kit.clock.boottime()>end: d._stop.set()
            return e.is_set()
    def do():
        ticks.append(kit.clock.now())
        if tick: tick(len(ticks))
        return TickReport()
    said=[]
    end=kit.clock.boottime()+int(seconds*1e9)
    d=Daemon(store=reopened(kit),clock=C(),scheduler=lambda: SimpleNamespace(tick=do),pool=pool,sweep=sweep,tell=lambda:None,reload=lambda:None,say=said.append)
    return d,pool,ticks,said

def test_daemon_idles_while_queue_paused(tmp_path):
    kit=kit_at(tmp_path)
    with kit.store.write() as tx:
        tx.put_queue("q",slots=1,memory=None,threads=None); tx.pause_queue("q",paused=True,why="")
    kit.add(noop(0,queue="q")); kit.clock.advance(1)
    d,pool,ticks,_=daemon_of(kit,60); d.run()
    assert len(ticks)<130 and len(pool.woken)<10,(len(ticks),len(pool.woken))

def test_daemon_head_of_line(tmp_path):
    kit=kit_at(tmp_path)
    kit.add(noop(0),noop(1),noop(2))
    with kit.store.write() as tx:
        for t in tx.pending_tasks(None,9): tx.postpone(t.task_id,ready_at=tx.now+900_000_000,why="x",waits_for=None)
    kit.clock.advance(1); kit.add(noop(0)); kit.clock.advance(1)
    d,pool,ticks,_=daemon_of(kit,5); d.run()
    assert pool.woken

def test_daemon_acts_at_once_on_what_its_own_sweep_frees(tmp_path):
    kit=kit_at(tmp_path)
    kit.add(noop(0)); kit.claim(None)
    woke=[]
    def sweep():
        if kit.clock.boottime()<10**13+4*10**9: return 0
        with d._store.write() as tx:
            if not tx.holders(): return 0
            tx.lose(kit.holder)
        return 1
    d,pool,ticks,_=daemon_of(kit,9,sweep=sweep); d.run()
    assert pool.woken

def test_daemon_survives_busy(tmp_path):
    kit=kit_at(tmp_path)
    def tick(n):
        if n==1: raise MtctlError("state_busy","x",kind=Kind.BUSY)
    d,pool,ticks,said=daemon_of(kit,60,tick=tick); d.run()
    assert len(ticks)>1 and said
