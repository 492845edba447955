using KlingPS.Core;

namespace KlingPS.Parameters;

/// <summary>An object of another kind was given, such as a process instead of a task. More of them usually follow, and one error is enough for all.</summary>
/// <param name="type">The name of its type.</param>
/// <param name="message">What is wrong.</param>
internal sealed class ForeignObjectException(string type, string message) : KlingException(ErrorKind.RequestInvalid, message)
{
    /// <summary>The name of its type.</summary>
    public string Type { get; } = type;
}
