using CsCheck;
using KlingPS.Core.Reporting;

namespace KlingPS.Core.Tests.Reporting;

public sealed class PackedRunItemsTests
{
    private static readonly Gen<string?> s_text = Gen.OneOf(
        Any<string?>(null, string.Empty, "Succeeded", "abc", "ABCD", "c0ffee", "\uD800", "a\uDC00b", "Füchse 🦊", new string('ä', 70_000)),
        Gen.String[Gen.Char["0123456789abcdef"], 0, 64].Select(text => (string?)text),
        Gen.String.Select(text => (string?)text));

    private static readonly Gen<string?> s_path = Gen.OneOf(
        s_text,
        Gen.Select(Any("/photos/", "/photos/2026/", @"C:\photos\", "/", @"mixed/and\"), s_text, (folder, name) => (string?)(folder + name)));

    private static readonly Gen<decimal> s_credits = Gen.OneOf(Any<decimal>(0m, 0.0m, 42m, 42.000m, decimal.MaxValue, decimal.MinValue), Gen.Decimal);

    private static readonly Gen<RunItem> s_item = Gen.Select(
        Gen.Select(s_path, s_text, s_text, Gen.Enum<RunItemResult>()),
        Gen.Select(Gen.Long.Nullable(), s_text, s_text, s_path),
        Gen.Select(s_credits, s_credits, s_text),
        Any<string?>(null, null, null, "KlingTaskFailed"),
        (first, second, third, error) => new RunItem
        {
            Path = first.Item1,
            Name = first.Item2,
            Identity = first.Item3,
            What = first.Item4,
            Id = second.Item1,
            TaskId = second.Item2,
            State = second.Item3,
            File = second.Item4,
            CreditsReserved = third.Item1,
            CreditsConsumed = third.Item2,
            Hash = third.Item3,
            ErrorId = error,
            ErrorMessage = error is null ? null : "It failed.",
        });

    [Fact]
    public void What_was_done_for_each_input_comes_out_as_it_was_put_in()
        => Gen.Select(s_item.Array[0, 40], Gen.Int).Sample((items, seed) =>
        {
            var packed = new PackedRunItems();
            int[] places = [.. Enumerable.Range(0, items.Length)];
            new Random(seed).Shuffle(places);
            int[] numbers = new int[items.Length];
            foreach (int place in places)
            {
                numbers[place] = packed.Add(items[place]);
            }

            IReadOnlyList<RunItem> read = packed.List(numbers);

            Assert.Equal(items, read);
            Assert.Equal(items.Length, read.Count);
            for (int i = 0; i < items.Length; i++)
            {
                Assert.Equal(items[i], read[i]);
                Assert.Equal(Texts(items[i]), Texts(read[i]));
            }
        });

    /// <summary>Equal numbers may be written with more or fewer decimal places.</summary>
    private static string Texts(RunItem item) => FormattableString.Invariant($"{item.CreditsReserved} {item.CreditsConsumed} {item.Result}");

    private static Gen<T> Any<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);
}
