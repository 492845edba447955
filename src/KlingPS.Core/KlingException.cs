namespace KlingPS.Core;

/// <summary>A condition that KlingPS reports to its user: what happened, in one plain sentence or two.</summary>
public class KlingException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="kind">The condition; decides the error id, the category and the advice the user sees.</param>
    /// <param name="message">What happened, to which file or task, and whether money was spent.</param>
    /// <param name="innerException">The cause, if another exception was it.</param>
    public KlingException(ErrorKind kind, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Kind = kind;
    }

    /// <summary>The condition.</summary>
    public ErrorKind Kind { get; }
}
