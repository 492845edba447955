using KlingPS.Tests.Architecture.Knot.Right;

namespace KlingPS.Tests.Architecture.Knot.Left;

/// <summary>One half of a cycle that <see cref="TypeGraphTests"/> has to find. It uses the other half in a closure only.</summary>
internal static class LeftEnd
{
    public static Func<object> Tie(int number) => () => new RightEnd { Number = number };
}
