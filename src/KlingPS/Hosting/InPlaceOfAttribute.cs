namespace KlingPS.Hosting;

/// <summary>The parameter names the same thing as another one, in another way. Of the two, what is given to the command itself counts, rather than what a row has.</summary>
/// <param name="other">The other parameter.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
internal sealed class InPlaceOfAttribute(string other) : Attribute
{
    /// <summary>The other parameter.</summary>
    public string Other { get; } = other;
}
