namespace KlingPS.Core;

/// <summary>A condition that KlingPS reports to its user: what happened, in one plain sentence or two.</summary>
public class KlingException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="kind">The condition; decides the error id, the category and the advice that the user sees.</param>
    /// <param name="message">What happened, to which file or task, and whether money was spent. It is shown in one line: characters that control a terminal are made visible, and line breaks, such as those from the service, become blanks.</param>
    /// <param name="innerException">The exception that caused it, if there was one.</param>
    public KlingException(ErrorKind kind, string message, Exception? innerException = null)
        : base(VisibleText.InLine(message), innerException)
    {
        Kind = kind;
    }

    /// <summary>The condition.</summary>
    public ErrorKind Kind { get; }

    /// <summary>Whether the batch ends with it, because every further item would meet it as well.</summary>
    public bool IsFatal => ErrorCatalog.Get(Kind).Fatal switch
    {
        Fatality.Always => true,
        Fatality.WhenServiceIsDown => IsServiceDown || IsNoService,
        _ => IsNoService,
    };

    /// <summary>The local id of the task that it is about, if it is about one.</summary>
    internal long? TaskNumber { get; set; }

    /// <summary>What the user can do about it, if that is not what fits its cause or what the catalogue says about the kind; <c>&lt;id&gt;</c> stands for <see cref="TaskNumber"/>.</summary>
    internal string? Advice { get; set; }

    /// <summary>The same error without what it says about one item of a batch; <see langword="null"/> if it says nothing about one.</summary>
    internal KlingException? OfAll { get; set; }

    /// <summary>Whether the service cannot be used at all, as opposed to turning down one request.</summary>
    private protected virtual bool IsServiceDown => false;

    /// <summary>Whether it was not the service that answered.</summary>
    private protected virtual bool IsNoService => false;

    /// <summary>The same error with another message, such as one that also says what was bought before it. Keeps everything that is known about the cause.</summary>
    /// <param name="message">The new message.</param>
    internal virtual KlingException WithMessage(string message) => new(Kind, message, this) { TaskNumber = TaskNumber, Advice = Advice };

    /// <summary>The same error, about a task. If it already is about one, it stays as it is; several items may have met one error, so it is never changed.</summary>
    /// <param name="number">The local id of the task.</param>
    internal KlingException About(long number)
    {
        if (TaskNumber is not null)
        {
            return this;
        }

        KlingException copy = WithMessage(Message);
        copy.TaskNumber = number;
        return copy;
    }
}
