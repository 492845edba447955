using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using System.Xml.Linq;

namespace KlingPS.Help;

/// <summary>Writes what <c>Get-Help</c> reads: the prose of a page with the parameters of the compiled cmdlet as the engine sees them.</summary>
internal static class MamlWriter
{
    private static readonly XNamespace s_msh = "http://msh";
    private static readonly XNamespace s_maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace s_command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace s_dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    /// <summary>Writes the help of a module.</summary>
    /// <param name="commands">Each cmdlet with its page.</param>
    /// <returns>The document.</returns>
    public static XDocument Write(IEnumerable<(CmdletInfo Cmdlet, HelpPage Page)> commands) =>
        new(new XElement(
            s_msh + "helpItems",
            new XAttribute("schema", "maml"),
            commands.Select(command => WriteCommand(command.Cmdlet, command.Page))));

    private static XElement WriteCommand(CmdletInfo cmdlet, HelpPage page)
    {
        object instance = Activator.CreateInstance(cmdlet.ImplementingType)!;
        XElement Parameter((CommandParameterInfo Parameter, bool IsRequired) usage, bool inSyntax)
            => WriteParameter(usage.Parameter, usage.IsRequired, page, DefaultValue(instance, usage.Parameter, usage.IsRequired), inSyntax);

        // A parameter in several usages is listed as it is in the first of them.
        IReadOnlyList<(CommandParameterInfo Parameter, bool IsRequired)>[] usages = [.. CmdletParameters.UsagesOf(cmdlet)];
        IEnumerable<(CommandParameterInfo Parameter, bool IsRequired)> parameters = usages
            .SelectMany(usage => usage)
            .DistinctBy(usage => usage.Parameter.Name)
            .OrderBy(usage => usage.Parameter.Name, StringComparer.Ordinal);

        return new XElement(
            s_command + "command",
            new XAttribute(XNamespace.Xmlns + "maml", s_maml),
            new XAttribute(XNamespace.Xmlns + "command", s_command),
            new XAttribute(XNamespace.Xmlns + "dev", s_dev),
            new XElement(
                s_command + "details",
                new XElement(s_command + "name", cmdlet.Name),
                new XElement(s_command + "verb", cmdlet.Verb),
                new XElement(s_command + "noun", cmdlet.Noun),
                Description(page.Synopsis)),
            Description(page.Description),
            new XElement(
                s_command + "syntax",
                usages.Select(usage => new XElement(
                    s_command + "syntaxItem",
                    new XElement(s_maml + "name", cmdlet.Name),
                    InOrderOfSyntax(usage).Select(parameter => Parameter(parameter, inSyntax: true))))),
            new XElement(s_command + "parameters", parameters.Select(parameter => Parameter(parameter, inSyntax: false))),
            new XElement(s_command + "inputTypes", page.Inputs.Select(input => TypeElement("inputType", input.Type, input.Text))),
            new XElement(s_command + "returnValues", page.Outputs.Select(output => TypeElement("returnValue", output.Type, output.Text))),
            new XElement(s_maml + "alertSet", new XElement(s_maml + "alert", Paragraphs(page.Notes))),
            new XElement(
                s_command + "examples",
                page.Examples.Select(example => new XElement(
                    s_command + "example",
                    new XElement(s_maml + "title", $"---------- {example.Title} ----------"),
                    new XElement(s_dev + "code", example.Code),
                    new XElement(s_dev + "remarks", Paragraphs(example.Remarks))))),
            new XElement(
                s_command + "relatedLinks",
                page.Links.Select(link => new XElement(
                    s_maml + "navigationLink",
                    new XElement(s_maml + "linkText", link.Text),
                    new XElement(s_maml + "uri", link.Uri)))));
    }

    /// <summary>In the order of the shell's own syntax: by position, then the required ones, then the rest as declared.</summary>
    private static IOrderedEnumerable<(CommandParameterInfo Parameter, bool IsRequired)> InOrderOfSyntax(IEnumerable<(CommandParameterInfo Parameter, bool IsRequired)> usage) =>
        usage.OrderBy(entry => entry.Parameter.Position >= 0 ? entry.Parameter.Position : int.MaxValue).ThenByDescending(entry => entry.IsRequired);

    private static XElement WriteParameter(CommandParameterInfo parameter, bool isRequired, HelpPage page, string defaultValue, bool inSyntax)
    {
        bool isSwitch = parameter.ParameterType == typeof(SwitchParameter);
        string typeName = (Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType).Name;
        string[] values = AllowedValues(parameter);
        return new XElement(
            s_command + "parameter",
            new XAttribute("required", Boolean(isRequired)),
            new XAttribute("variableLength", Boolean(parameter.ParameterType.IsArray)),
            new XAttribute("globbing", Boolean(parameter.Attributes.OfType<SupportsWildcardsAttribute>().Any())),
            new XAttribute("pipelineInput", PipelineInput(parameter)),
            new XAttribute("position", parameter.Position >= 0 ? parameter.Position.ToString(CultureInfo.InvariantCulture) : "named"),
            new XAttribute("aliases", parameter.Aliases.Count > 0 ? string.Join(", ", parameter.Aliases) : "none"),
            new XElement(s_maml + "name", parameter.Name),
            Description(page.Parameters.TryGetValue(parameter.Name, out (int Line, IReadOnlyList<string> Text) entry)
                ? entry.Text
                : [CmdletParameters.StandardText[parameter.Name]]),
            values.Length > 0 && inSyntax
                ? new XElement(s_command + "parameterValueGroup", values.Select(value => ParameterValue(value, isRequired: false)))
                : null,
            isSwitch && inSyntax ? null : ParameterValue(typeName, isRequired: !isSwitch),
            new XElement(s_dev + "type", new XElement(s_maml + "name", typeName), new XElement(s_maml + "uri")),
            new XElement(s_dev + "defaultValue", defaultValue));
    }

    private static XElement ParameterValue(string text, bool isRequired) => new(
        s_command + "parameterValue",
        new XAttribute("required", Boolean(isRequired)),
        new XAttribute("variableLength", "false"),
        text);

    private static string[] AllowedValues(CommandParameterInfo parameter)
    {
        if (parameter.Attributes.OfType<ValidateSetAttribute>().FirstOrDefault() is ValidateSetAttribute set)
        {
            return [.. set.ValidValues];
        }

        Type type = parameter.ParameterType.GetElementType() ?? parameter.ParameterType;
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type.IsEnum ? Enum.GetNames(type) : [];
    }

    private static string PipelineInput(CommandParameterInfo parameter) => (parameter.ValueFromPipeline, parameter.ValueFromPipelineByPropertyName) switch
    {
        (true, true) => "True (ByValue, ByPropertyName)",
        (true, false) => "True (ByValue)",
        (false, true) => "True (ByPropertyName)",
        _ => "False",
    };

    /// <summary>The value when the parameter is omitted: that of the property in a new cmdlet.</summary>
    private static string DefaultValue(object cmdlet, CommandParameterInfo parameter, bool isRequired)
    {
        object? value = cmdlet.GetType().GetProperty(parameter.Name, BindingFlags.Public | BindingFlags.Instance)?.GetValue(cmdlet);
        return value switch
        {
            SwitchParameter or null when parameter.ParameterType == typeof(SwitchParameter) => "False",
            null => "None",
            _ when isRequired => "None",
            string text => text,
            IEnumerable items => string.Join(", ", items.Cast<object>()),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
    }

    private static XElement TypeElement(string name, string type, IReadOnlyList<string> text) =>
        new(s_command + name, new XElement(s_dev + "type", new XElement(s_maml + "name", type)), Description(text));

    private static XElement Description(IReadOnlyList<string> text) => new(s_maml + "description", Paragraphs(text));

    private static IEnumerable<XElement> Paragraphs(IReadOnlyList<string> text) => text.Select(paragraph => new XElement(s_maml + "para", paragraph));

    private static string Boolean(bool value) => value ? "true" : "false";
}
