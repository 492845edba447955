using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Hosting;

/// <summary>A name as a user types it to find what is recorded under it: the name itself, with or without escapes, or a pattern for names. Upper and lower case are the same.</summary>
internal sealed class NamePattern
{
    private readonly string _name;
    private readonly string _unescaped;
    private WildcardPattern? _pattern;

    /// <summary>Reads a name.</summary>
    public NamePattern(string name)
    {
        // Tab completion writes ./ before names in the current folder.
        _name = name.StartsWith("./", StringComparison.Ordinal) || name.StartsWith(".\\", StringComparison.Ordinal) ? name[2..] : name;
        _unescaped = WildcardPattern.Unescape(_name);
    }

    /// <summary>Whether this very name is meant.</summary>
    public bool Names(string name)
        => string.Equals(name, _name, StringComparison.OrdinalIgnoreCase) || string.Equals(name, _unescaped, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a name matches the pattern.</summary>
    /// <exception cref="KlingException"><see cref="ErrorKind.RequestInvalid"/>: it is not a pattern.</exception>
    public bool Matches(string name)
    {
        try
        {
            return (_pattern ??= new WildcardPattern(_name, WildcardOptions.IgnoreCase)).IsMatch(name);
        }
        catch (WildcardPatternException exception)
        {
            throw new KlingException(ErrorKind.RequestInvalid, $"Nothing is called '{_name}', and it is not a pattern either. Write `[ for a bracket in a name.", exception);
        }
    }
}
