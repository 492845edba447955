namespace KlingPS.Core.Ledger.Sql;

/// <summary>How values are stored: moments as milliseconds since 1970 in UTC, credits as thousandths.</summary>
internal static class Stored
{
    private const decimal CreditScale = 1000;

    public static long FromMoment(DateTimeOffset moment) => moment.ToUnixTimeMilliseconds();

    public static long? FromMoment(DateTimeOffset? moment) => moment?.ToUnixTimeMilliseconds();

    public static DateTimeOffset ToMoment(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public static long FromCredits(decimal credits) => (long)decimal.Round(credits * CreditScale);

    public static long? FromCredits(decimal? credits) => credits is decimal value ? FromCredits(value) : null;

    public static decimal ToCredits(long thousandths) => thousandths / CreditScale;

    public static decimal? ToCredits(long? thousandths) => thousandths / CreditScale;
}
