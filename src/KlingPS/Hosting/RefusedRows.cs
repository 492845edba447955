using System.Collections;
using System.Management.Automation;
using KlingPS.Core;

namespace KlingPS.Hosting;

/// <summary>
/// The rows of a command's input that never reach it, because one of their values cannot be bound. PowerShell writes an error for each and
/// goes on with the next. The module's own attributes report what they refuse, whatever becomes of the error; what PowerShell itself
/// refuses is found among the errors of the session at the end.
/// </summary>
/// <param name="invocation">The command.</param>
/// <param name="errors">The errors of the session, latest first; <see langword="null"/> if they cannot be had.</param>
/// <param name="current">The row that is being bound, or was bound last.</param>
/// <param name="refused">Takes a row and the reason.</param>
internal sealed class RefusedRows(InvocationInfo invocation, IEnumerable? errors, Func<PSObject?> current, Action<PSObject, string> refused)
{
    private readonly HashSet<object> _known = new(ReferenceEqualityComparer.Instance);
    private readonly object? _lastError = errors?.Cast<object?>().FirstOrDefault();
    private PSObject? _processed;
    private (PSObject Row, string Reason)? _pending;

    /// <summary>A value was refused, by whatever command runs on this thread. It is one of this command's input if the row has not reached it.</summary>
    public void OnRefused(string reason)
    {
        if (current() is PSObject row && !ReferenceEquals(row, _processed) && !ReferenceEquals(row, _pending?.Row))
        {
            Settle();
            _pending = (row, reason);
        }
    }

    /// <summary>A row has reached the command: if one of its values was refused, another parameter has taken it.</summary>
    public void OnProcess(PSObject? row)
    {
        _processed = row;
        if (_pending is { } pending && ReferenceEquals(pending.Row, row))
        {
            _pending = null;
        }

        Settle();
    }

    /// <summary>There will be no more rows.</summary>
    public void Finish()
    {
        Settle();
        object?[] since = [.. (errors?.Cast<object?>() ?? []).TakeWhile(error => error is null || !ReferenceEquals(error, _lastError))];
        foreach (ErrorRecord error in since.Reverse().Select(ToRecord).OfType<ErrorRecord>())
        {
            if (IsOurs(error.InvocationInfo) && error.Exception is ParameterBindingException && error.TargetObject is object target
                && _known.Add(target is PSObject { BaseObject: not PSCustomObject and var inner } ? inner : target))
            {
                refused(PSObject.AsPSObject(target), VisibleText.InLine(error.Exception.Message));
            }
        }
    }

    /// <summary>Whether an error is about this call. PowerShell describes the call anew for each.</summary>
    private bool IsOurs(InvocationInfo? other) => other is not null
        && other.MyCommand?.Name == invocation.MyCommand.Name
        && other.ScriptName == invocation.ScriptName
        && other.ScriptLineNumber == invocation.ScriptLineNumber
        && other.OffsetInLine == invocation.OffsetInLine;

    private static ErrorRecord? ToRecord(object? error) => WrappedObject.Unwrap(error) switch
    {
        ErrorRecord record => record,
        IContainsErrorRecord container => container.ErrorRecord,
        _ => null,
    };

    private void Settle()
    {
        if (_pending is { } pending)
        {
            _pending = null;
            _known.Add(pending.Row.BaseObject is PSCustomObject ? pending.Row : pending.Row.BaseObject);
            refused(pending.Row, pending.Reason);
        }
    }
}
