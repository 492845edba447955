using System.Management.Automation;

namespace KlingPS.Help;

/// <summary>Tells a cmdlet's own parameters from those the engine adds.</summary>
internal static class CmdletParameters
{
    /// <summary>The description of the parameters that <c>SupportsShouldProcess</c> adds, for pages that do not describe them.</summary>
    public static readonly IReadOnlyDictionary<string, string> StandardText = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["WhatIf"] = "Shows what would happen if the cmdlet runs. The cmdlet is not run.",
        ["Confirm"] = "Prompts you for confirmation before running the cmdlet.",
    };

    /// <summary>
    /// The ways to use a cmdlet, each with its parameters and which of them are needed: those that the attribute <c>UsageAttribute</c> of
    /// the module tells apart, else the parameter sets, the default one first.
    /// </summary>
    public static IEnumerable<IReadOnlyList<(CommandParameterInfo Parameter, bool IsRequired)>> UsagesOf(CmdletInfo cmdlet)
    {
        if (cmdlet.ParameterSets is not [CommandParameterSetInfo only])
        {
            return cmdlet.ParameterSets.OrderByDescending(set => set.IsDefault).Select(set => (IReadOnlyList<(CommandParameterInfo, bool)>)[.. OwnOf(set).Select(parameter => (parameter, parameter.IsMandatory))]);
        }

        (CommandParameterInfo Parameter, Usage[] Usages)[] parameters = [.. OwnOf(only).Select(parameter => (parameter, Usage.Of(parameter)))];
        string?[] names = [.. parameters.SelectMany(parameter => parameter.Usages).Select(usage => usage.Name).Where(name => name is not null).Distinct().DefaultIfEmpty()];
        return names.Select(name => (IReadOnlyList<(CommandParameterInfo, bool)>)
        [
            .. from parameter in parameters
               let usages = parameter.Usages.Where(usage => usage.Name is null || usage.Name == name).ToArray()
               where parameter.Usages.Length == 0 || usages.Length > 0
               select (parameter.Parameter, parameter.Parameter.IsMandatory || usages.Any(usage => usage.IsRequired)),
        ]);
    }

    /// <summary>The parameters of a set that belong in the cmdlet's help.</summary>
    /// <param name="set">The set.</param>
    /// <returns>All but the common ones, <c>WhatIf</c> and <c>Confirm</c> last.</returns>
    public static IEnumerable<CommandParameterInfo> OwnOf(CommandParameterSetInfo set) =>
        set.Parameters
            .Where(parameter => !Cmdlet.CommonParameters.Contains(parameter.Name))
            .OrderBy(parameter => StandardText.ContainsKey(parameter.Name));

    /// <summary>What the attribute says. The help is built without a reference to the module, so it goes by the names.</summary>
    private sealed record Usage(string? Name, bool IsRequired)
    {
        public static Usage[] Of(CommandParameterInfo parameter)
            => [.. from attribute in parameter.Attributes
                   let type = attribute.GetType()
                   where type.Name == "UsageAttribute"
                   select new Usage((string?)type.GetProperty(nameof(Name))!.GetValue(attribute), (bool)type.GetProperty(nameof(IsRequired))!.GetValue(attribute)!)];
    }
}
