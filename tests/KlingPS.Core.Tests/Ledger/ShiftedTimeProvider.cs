namespace KlingPS.Core.Tests.Ledger;

/// <summary>The clock of a process that is off.</summary>
internal sealed class ShiftedTimeProvider(TimeProvider time, TimeSpan shift) : TimeProvider
{
    public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

    public override long TimestampFrequency => time.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + shift;

    public override long GetTimestamp() => time.GetTimestamp() + (long)(shift.TotalSeconds * TimestampFrequency);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);
}
