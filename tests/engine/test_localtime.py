"""The wall clock: which UTC instant a local time means, on the awkward days too."""

import sys
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import changes, walls, zone_days

from engine.durations import parse_time
from engine.localtime import (
    TzdataMissing,
    UnknownZone,
    in_quiet_hours,
    interval,
    ordinary_offset,
    readings,
    resolve,
    tzdata_version,
    zone,
    zone_names,
)
from engine.triggers import LocalInterval

CASES = """
Europe/Berlin 2027-03-28 02:30 2027-03-28T01:30:00Z
Europe/Berlin 2027-03-28 02:00 2027-03-28T01:00:00Z
Europe/Berlin 2027-03-28 01:59 2027-03-28T00:59:00Z
Europe/Berlin 2027-03-28 09:00 2027-03-28T07:00:00Z
Europe/Berlin 2027-10-31 02:30 2027-10-31T00:30:00Z
Europe/Berlin 2027-10-31 03:00 2027-10-31T02:00:00Z
Europe/Berlin 2027-10-31 09:00 2027-10-31T08:00:00Z
America/New_York 2027-03-14 02:15 2027-03-14T07:15:00Z
America/New_York 2027-03-14 21:00 2027-03-15T01:00:00Z
America/New_York 2027-11-07 01:30 2027-11-07T05:30:00Z
America/New_York 2027-11-07 02:00 2027-11-07T07:00:00Z
Australia/Lord_Howe 2027-10-03 02:15 2027-10-02T15:45:00Z
Australia/Lord_Howe 2027-10-03 02:30 2027-10-02T15:30:00Z
Australia/Lord_Howe 2027-04-04 01:45 2027-04-03T14:45:00Z
Australia/Lord_Howe 2027-04-04 02:00 2027-04-03T15:30:00Z
Africa/Casablanca 2026-09-20 01:30 2026-09-20T00:30:00Z
Africa/Casablanca 2026-09-20 09:00 2026-09-20T09:00:00Z
Africa/Casablanca 2026-12-01 09:00 2026-12-01T09:00:00Z
Africa/Casablanca 2026-03-22 02:30 2026-03-22T02:30:00Z
Asia/Kathmandu 2027-01-01 00:00 2026-12-31T18:15:00Z
Asia/Kathmandu 2028-02-29 09:00 2028-02-29T03:15:00Z
Pacific/Apia 2011-12-29 09:00 2011-12-29T19:00:00Z
Pacific/Apia 2011-12-30 09:00 dropped
Pacific/Apia 2011-12-31 09:00 2011-12-30T19:00:00Z
Pacific/Apia 2027-01-15 09:00 2027-01-14T20:00:00Z
Pacific/Chatham 2027-09-26 03:15 2027-09-25T14:30:00Z
Pacific/Chatham 2027-04-04 03:15 2027-04-03T13:30:00Z
America/Santiago 2027-09-05 00:00 2027-09-05T04:00:00Z
America/Santiago 2027-04-03 23:30 2027-04-04T02:30:00Z
Africa/Cairo 2027-04-30 00:30 2027-04-29T22:30:00Z
Asia/Beirut 2027-10-30 23:30 2027-10-30T20:30:00Z
Antarctica/Troll 2027-03-28 02:30 2027-03-28T02:30:00Z
America/Vancouver 2026-12-01 09:00 2026-12-01T16:00:00Z
America/Edmonton 2026-12-01 09:00 2026-12-01T15:00:00Z
America/Nuuk 2027-03-27 23:30 dropped
Europe/Dublin 2027-10-31 01:30 2027-10-31T00:30:00Z
Asia/Tehran 2027-03-22 00:30 2027-03-21T21:00:00Z
Europe/London 2028-02-29 09:00 2028-02-29T09:00:00Z
""".strip().splitlines()


@pytest.mark.parametrize("case", CASES)
def test_a_local_time_means_exactly_this_instant(case):
    name, day, at, expected = case.split()
    instant = resolve(date.fromisoformat(day), time.fromisoformat(at), zone(name))
    assert (instant.strftime("%Y-%m-%dT%H:%M:%SZ") if instant else "dropped") == expected
    assert instant is None or instant.tzinfo is UTC


@pytest.mark.parametrize(
    ("name", "evening", "hours"),
    [
        ("Europe/Berlin", date(2027, 3, 27), 9),
        ("Europe/Berlin", date(2027, 6, 1), 10),
        ("Europe/Berlin", date(2027, 10, 30), 11),
        ("Australia/Lord_Howe", date(2027, 10, 2), 9.5),
        ("Australia/Lord_Howe", date(2027, 4, 3), 10.5),
    ],
)
def test_a_night_from_ten_to_eight_lasts_as_long_as_it_really_does(name, evening, hours):
    start_at, end_at = interval(evening, time(22), time(8), zone(name))
    assert end_at - start_at == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("day", "start", "end", "expected"),
    [
        (date(2018, 3, 25), time(0), time(2, 30), ("23:00", "01:00")),
        (date(2018, 3, 25), time(2, 30), time(5), ("01:00", "03:00")),
        (date(2018, 3, 25), time(2), time(2, 45), None),
        (date(2018, 10, 28), time(0), time(2, 30), ("22:00", "00:30")),
        (date(2018, 10, 28), time(2, 30), time(5), ("01:30", "04:00")),
        (date(2018, 10, 28), time(2), time(2, 30), None),
        (date(2018, 10, 28), time(0), time(0), ("22:00", "23:00")),
        (date(2018, 6, 1), time(20), time(0), ("18:00", "22:00")),
    ],
)
def test_a_window_at_a_change_of_clocks_has_these_bounds_in_berlin(day, start, end, expected):
    bounds = interval(day, start, end, zone("Europe/Berlin"))
    assert (bounds and tuple(f"{at:%H:%M}" for at in bounds)) == expected


def test_a_day_that_does_not_exist_holds_no_window():
    assert interval(date(2011, 12, 30), time(0), time(0), zone("Pacific/Apia")) is None
    eve = interval(date(2011, 12, 29), time(20), time(0), zone("Pacific/Apia"))
    assert eve is not None
    assert eve[1] == datetime(2011, 12, 30, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("evening", "hours", "ends"),
    [
        (date(2027, 3, 27), 4, "2027-03-28T01:30:00"),
        (date(2027, 10, 30), 6, "2027-10-31T02:30:00"),
    ],
)
def test_a_window_across_midnight_and_a_change_of_clocks_is_one_stretch_of_utc(
    evening, hours, ends
):
    opens, closes = interval(evening, time(22, 30), time(3, 30), zone("Europe/Berlin"))
    assert closes - opens == timedelta(hours=hours)
    assert f"{closes:%Y-%m-%dT%H:%M:%S}" == ends


def test_a_leap_second_is_not_represented_and_moves_nothing():
    with pytest.raises(ValueError, match="HH:MM"):
        parse_time("23:59:60")
    before = resolve(date(2016, 12, 31), time(23, 59), zone("UTC"))
    after = resolve(date(2017, 1, 1), time(0), zone("UTC"))
    assert after - before == timedelta(minutes=1)


@given(zone_days, walls, walls, st.floats(0, 1, exclude_max=True))
def test_every_instant_of_a_window_reads_inside_it_on_the_wall(zone_day, start, end, share):
    (name, day), tz = zone_day, zone(zone_day[0])
    bounds = interval(day, start, end, tz)
    if bounds is None:
        return
    start_at, end_at = bounds
    last = end_at - timedelta(microseconds=1)
    inside = min(start_at + (end_at - start_at) * share, last)  # the product may round up
    at_changes = [c.at for c in changes(name) if start_at <= c.at < end_at]
    for at in [start_at, inside, last, *at_changes]:
        local = at.astimezone(tz)
        if end > start:
            assert (local.date(), start <= local.time() < end) == (day, True)
        else:
            assert datetime.combine(day, start) <= local.replace(tzinfo=None)
            assert local.replace(tzinfo=None) < datetime.combine(day + timedelta(days=1), end)


@given(zone_days, walls)
def test_a_time_resolves_to_its_first_reading_or_moves_forward_or_is_dropped(zone_day, wall):
    (name, day), tz = zone_day, zone(zone_day[0])
    instant = resolve(day, wall, tz)
    if instant is None:
        return
    local = instant.astimezone(tz)
    assert local.date() == day
    assert local.time() >= wall
    if local.time() == wall:
        assert instant == readings(day, wall, tz)[0]
    else:
        assert any(change.after > change.before for change in changes(name))


@given(zone_days)
def test_a_day_with_one_offset_has_it_at_every_minute(zone_day):
    tz, day = zone(zone_day[0]), zone_day[1]
    if not date(1, 1, 3) <= day <= date(9999, 12, 29):
        return
    offset = ordinary_offset(day, tz)
    if offset is not None:
        midnight = datetime.combine(day, time(0), tz)
        minutes = (midnight + timedelta(minutes=7 * n) for n in range(24 * 60 // 7 + 1))
        assert {at.utcoffset() for at in minutes} == {offset}


def test_the_ends_of_the_calendar_are_refused_not_an_overflow():
    for day in (date.min, date.max):
        assert resolve(day, time(12), zone("Pacific/Apia")) is None
        assert interval(day, time(9), time(0), zone("Pacific/Apia")) is None


def test_quiet_hours_wrap_midnight_and_are_half_open():
    berlin = zone("Europe/Berlin")
    night = [LocalInterval.model_validate({"from": "21:30", "to": "08:00"})]

    def quiet(hour, minute):
        return in_quiet_hours(datetime(2027, 6, 1, hour, minute, tzinfo=UTC), berlin, night)

    assert [quiet(19, 29), quiet(19, 30), quiet(22, 0), quiet(5, 59), quiet(6, 0)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_quiet_hours_until_midnight_end_there():
    evening = [LocalInterval.model_validate({"from": "21:30", "to": "24:00"})]
    utc = zone("UTC")
    assert in_quiet_hours(datetime(2027, 6, 1, 23, 59, tzinfo=UTC), utc, evening)
    assert not in_quiet_hours(datetime(2027, 6, 2, 0, 0, tzinfo=UTC), utc, evening)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "europe/berlin",
        "Europe/Nowhere",
        "../zones",
        "/etc/localtime",
        "Europe",
        "UTC+2",
        "EST\n",
    ],
)
def test_a_name_not_in_the_zone_data_is_refused(name):
    with pytest.raises(UnknownZone, match="IANA names") as refused:
        zone(name)
    assert refused.value.name == name


def test_zone_data_comes_from_the_package_alone():
    assert zoneinfo.TZPATH == ()
    assert len(zone_names()) > 590
    assert tzdata_version() >= "2026f"


def test_a_missing_package_is_told_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zone_names.cache_clear()
    with pytest.raises(TzdataMissing, match="install it"):
        tzdata_version()
    with pytest.raises(TzdataMissing, match="install it"):
        zone("Europe/Berlin")
    monkeypatch.undo()
    assert zone("Europe/Berlin").key == "Europe/Berlin"
