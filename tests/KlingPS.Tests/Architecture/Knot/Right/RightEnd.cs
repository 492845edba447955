using KlingPS.Tests.Architecture.Knot.Left;

namespace KlingPS.Tests.Architecture.Knot.Right;

/// <summary>The other half. It uses the first in the body of an async method only.</summary>
internal sealed class RightEnd
{
    public int Number { get; init; }

    public static async Task<object> TieAsync()
    {
        await Task.Yield();
        return LeftEnd.Tie(1)();
    }
}
