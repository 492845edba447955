namespace KlingPS.Torture;

/// <summary>The clock of a machine whose time of day is wrong.</summary>
internal sealed class MachineClock(TimeSpan off) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + off;
}
