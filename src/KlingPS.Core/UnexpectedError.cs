namespace KlingPS.Core;

/// <summary>Errors that nobody foresaw. Like any other error, they concern only the item whose work they ended.</summary>
internal static class UnexpectedError
{
    /// <summary>The error for whatever the work on an item has thrown; a <see cref="KlingException"/> as it is.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="subject">The item, as a message names it.</param>
    public static KlingException From(Exception exception, string subject)
        => exception switch
        {
            KlingException known => known,
            LedgerClosedException => SessionErrors.CreateEndedException(exception),
            _ => new KlingException(ErrorKind.UnexpectedError, $"Something went wrong with {subject} that KlingPS did not foresee: {Describe(exception)}.", exception),
        };

    /// <summary>An exception in words: its type, without which many messages say little, and its message, without a full stop.</summary>
    public static string Describe(Exception exception)
    {
        if (exception is KlingException)
        {
            return exception.Message.TrimEnd('.');
        }

        string type = exception.GetType().Name;
        try
        {
            return $"{type}: {exception.Message.TrimEnd('.')}";
        }
#pragma warning disable CA1031 // A message that cannot be read must not end the work that it is about.
        catch (Exception)
#pragma warning restore CA1031
        {
            return type;
        }
    }

    /// <summary>Whether an exception only says that the work was stopped as requested.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="cancellationToken">Tells the work to stop. A cancellation from elsewhere is an error like any other.</param>
    public static bool IsStop(Exception exception, CancellationToken cancellationToken)
        => exception is OperationCanceledException && cancellationToken.IsCancellationRequested;
}
