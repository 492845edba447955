namespace KlingPS.Parameters;

/// <summary>
/// The way of using its command that a parameter belongs to; without one, it belongs to all. They replace PowerShell's
/// parameter sets and mandatory parameters, which answer a wrong combination with "Parameter set cannot be resolved" and a missing parameter
/// with a question that nobody answers in an unattended run. <see cref="Usages"/> checks them, and the help has a line of syntax for each.
/// </summary>
/// <param name="name">The way; <see langword="null"/> stands for all.</param>
[AttributeUsage(AttributeTargets.Property, AllowMultiple = true, Inherited = false)]
internal sealed class UsageAttribute(string? name = null) : Attribute
{
    /// <summary>The way; <see langword="null"/> stands for all.</summary>
    public string? Name { get; } = name;

    /// <summary>Whether the parameter has to be given for it, here or through the pipeline.</summary>
    public bool IsRequired { get; set; }
}
