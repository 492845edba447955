namespace KlingPS.Bench.Postgres;

/// <summary>What the server of the tests says of itself, where there is no test to be skipped.</summary>
internal static class Assert
{
    public static void SkipWhen(bool condition, string reason)
    {
        if (condition)
        {
            throw new FormatException(reason);
        }
    }

    public static void Null(object? value)
    {
        if (value is not null)
        {
            throw new InvalidOperationException($"'{value}' where nothing should be");
        }
    }
}

/// <inheritdoc cref="Assert"/>
internal static class Eventually
{
    public static async Task DoneAsync(Task task, string what)
    {
        try
        {
            await task.WaitAsync(TimeSpan.FromMinutes(3));
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"Waited in vain for: {what}", exception);
        }
    }
}
