namespace KlingPS.Parameters;

/// <summary>
/// The way of using its command that a parameter belongs to; without one, it belongs to all. They stand in the place of PowerShell's
/// parameter sets and mandatory parameters, which answer a wrong mixture with "Parameter set cannot be resolved" and a missing parameter
/// with a question that nobody answers in an unattended run. <see cref="Usages"/> checks them, and the help has a line of syntax for each.
/// </summary>
/// <param name="name">The way; <see langword="null"/> stands for all.</param>
[AttributeUsage(AttributeTargets.Property, AllowMultiple = true, Inherited = false)]
internal sealed class UsageAttribute(string? name = null) : Attribute
{
    /// <summary>The way; <see langword="null"/> stands for all.</summary>
    public string? Name { get; } = name;

    /// <summary>Whether the parameter has to be given in it, here or by the pipeline.</summary>
    public bool IsRequired { get; set; }
}
