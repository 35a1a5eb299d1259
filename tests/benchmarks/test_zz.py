import cProfile, pstats, time
from datetime import date
from sqlalchemy import text
from backend.domain import assessments, duties
from backend.models import RosterRole
from backend.work import unit_of_work
from tests.benchmarks import test_assessment as ta
from tests.benchmarks.rows import with_townships
def test_x(new_app, fill_rows, county):
    large = with_townships(county, 200)
    own = new_app(large, ta.AFTER)
    t=time.perf_counter()
    fill_rows(own, large, chiefs=5000, patrols=20000, cases=20000)
    print("filled", time.perf_counter()-t)
    period = assessments.month_of("2026-11")
    with own.app_context():
        for _ in range(2):
            t=time.perf_counter()
            with unit_of_work() as work: work.session.execute(ta.AGGREGATE).all()
            print("agg", time.perf_counter()-t)
        with unit_of_work() as work:
            def duty():
                return duties.completions(work, date(2026,11,1), date(2026,11,30), RosterRole.id.is_not(None))
            for name, f in (("duty", duty), ("assess", lambda: assessments.show(work, period))):
                p = cProfile.Profile()
                t=time.perf_counter(); c=time.process_time(); f(); print(name, "wall", time.perf_counter()-t, "cpu", time.process_time()-c)
                p.enable(); f(); p.disable()
                pstats.Stats(p).sort_stats("cumulative").print_stats(30)
                pstats.Stats(p).sort_stats("tottime").print_stats(22)
